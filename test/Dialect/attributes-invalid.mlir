// RUN: flashlight-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{expected one symbol for every dynamic dim (2), got 1}}
func.func private @symbols_c1(tensor<?x8x?xf32, #flashlight.symbols<s0>>)

// -----

// expected-error@+1 {{expected one symbol for every dynamic dim (0), got 1}}
func.func private @symbols_c1_static(tensor<8xf32, #flashlight.symbols<s0>>)

// -----

// expected-error@+1 {{expected as many axes as dims (2), got 1}}
func.func private @axes_c1(tensor<2x3xf32, #flashlight.axes<m>>)

// -----

// expected-error@+1 {{axis 'm' names two dims}}
func.func private @axes_c2(tensor<2x2xf32, #flashlight.axes<m, m>>)

// -----

// expected-error@+1 {{expected axis 'm' to have an extent of at least 0 or a symbol, got -1}}
func.func private @axis_c1() attributes {a = #flashlight.axis<m = -1>}

// -----

// expected-error@+1 {{expected a tile of at least 1 along 'm', got 0}}
func.func private @grid_axis_c1() attributes {a = #flashlight.grid_axis<m = 8 by 0>}

// -----

// expected-error@+1 {{expected a static tile of at least 1 along 'm', got #flashlight.axis<m = s0>}}
func.func private @schedule_c1_static() attributes {a = #flashlight.schedule<cpu, tiles(m = s0), warps = 1, stages = 1>}

// -----

// expected-error@+1 {{expected a static tile of at least 1 along 'm', got #flashlight.axis<m = 0>}}
func.func private @schedule_c1_positive() attributes {a = #flashlight.schedule<cpu, tiles(m = 0), warps = 1, stages = 1>}

// -----

// expected-error@+1 {{tiles axis 'm' twice}}
func.func private @schedule_c1_twice() attributes {a = #flashlight.schedule<cpu, tiles(m = 8, m = 8), warps = 1, stages = 1>}

// -----

// expected-error@+1 {{expected at least 1 warp and 1 stage, got 0 and 1}}
func.func private @schedule_c2() attributes {a = #flashlight.schedule<cpu, tiles(m = 8), warps = 0, stages = 1>}
