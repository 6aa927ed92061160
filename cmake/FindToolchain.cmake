# Finds MLIR and LLVM where pip put them: the `mlir` and `llvm` folders of the
# Python environment that runs the build (see pyproject.toml for the versions).
# -DMLIR_DIR and -DLLVM_DIR override this, as everywhere.

find_package(Python3 REQUIRED COMPONENTS Interpreter Development.Module)
find_program(FLASHLIGHT_CCACHE ccache)
if(FLASHLIGHT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${FLASHLIGHT_CCACHE}")
endif()

if(NOT DEFINED MLIR_DIR)
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -c
      "import importlib.util as u; print(list(u.find_spec('mlir').submodule_search_locations)[0]); print(list(u.find_spec('llvm').submodule_search_locations)[0])"
    OUTPUT_VARIABLE _roots OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE _failed ERROR_QUIET)
  if(_failed)
    message(FATAL_ERROR "MLIR is not installed for ${Python3_EXECUTABLE}: "
      "pip install -r requirements/build.txt, or pass -DMLIR_DIR and -DLLVM_DIR")
  endif()
  string(REPLACE "\n" ";" _roots "${_roots}")
  list(GET _roots 0 _mlir_root)
  list(GET _roots 1 _llvm_root)
  set(MLIR_DIR "${_mlir_root}/lib/cmake/mlir")
  set(LLVM_DIR "${_llvm_root}/lib/cmake/llvm")
  # pip drops the execute bit of packaged programs.
  file(GLOB _programs "${_mlir_root}/bin/*" "${_llvm_root}/bin/*")
  if(_programs)
    file(CHMOD ${_programs} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
         GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endif()

find_package(LLVM REQUIRED CONFIG)
find_package(MLIR REQUIRED CONFIG)
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")

# The package was configured for a libLLVM.so that it does not ship: link statically.
set(LLVM_LINK_LLVM_DYLIB OFF)
set(MLIR_LINK_MLIR_DYLIB OFF)

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# The layout of some of LLVM's classes depends on NDEBUG: follow the package.
if(LLVM_ENABLE_ASSERTIONS)
  foreach(_lang C CXX)
    string(REPLACE "-DNDEBUG" "" CMAKE_${_lang}_FLAGS_RELEASE "${CMAKE_${_lang}_FLAGS_RELEASE}")
    string(REPLACE "-O3" "-O2" CMAKE_${_lang}_FLAGS_RELEASE "${CMAKE_${_lang}_FLAGS_RELEASE}")
  endforeach()
endif()

# MLIR's exported targets name the package's libLLVM.so. Two copies of LLVM in one
# process do not go well together, so every such mention becomes the archives.
add_library(flashlight_llvm INTERFACE)
llvm_map_components_to_libnames(_llvm_libs
  support core targetparser option orcjit executionengine jitlink passes irreader bitwriter
  bitreader analysis transformutils ipo frontendopenmp x86codegen x86asmparser x86info native)
list(REMOVE_ITEM _llvm_libs LLVM)
target_link_libraries(flashlight_llvm INTERFACE ${_llvm_libs})
foreach(_target IN LISTS MLIR_EXPORTED_TARGETS MLIR_ALL_LIBS)
  if(TARGET ${_target})
    # The second property is what a C API library passes to a library that embeds it.
    foreach(_property INTERFACE_LINK_LIBRARIES MLIR_AGGREGATE_DEP_LIBS_IMPORTED)
      get_target_property(_libs ${_target} ${_property})
      if(_libs)
        list(TRANSFORM _libs REPLACE "^LLVM$" "flashlight_llvm")
        set_target_properties(${_target} PROPERTIES ${_property} "${_libs}")
      endif()
    endforeach()
  endif()
endforeach()

# The archives are full of debug names; nothing of them is part of our interface.
set(FLASHLIGHT_LINK_OPTIONS -Wl,--gc-sections -Wl,--exclude-libs,ALL)
find_program(FLASHLIGHT_LLD ld.lld)
if(FLASHLIGHT_LLD)
  add_link_options(-fuse-ld=lld)
endif()
add_compile_options(-ffunction-sections -fdata-sections -Wall -Wno-unused-parameter)

# Adds one of our libraries: no RTTI, as MLIR was built.
function(flashlight_add_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK_LIBS})
endfunction()
