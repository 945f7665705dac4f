# Twins: the same source built against LibTorch, to compare with.
option(EMBER_LIBTORCH_TWINS "Build a LibTorch twin of benchmarks and comparison programs where CMake finds Torch" OFF)
if(EMBER_LIBTORCH_TWINS)
  find_package(Torch REQUIRED)
endif()

# ember_libtorch_twin(target): links LibTorch to a target that is a twin.
function(ember_libtorch_twin target)
  target_link_libraries(${target} PRIVATE ${TORCH_LIBRARIES})
  target_compile_features(${target} PRIVATE cxx_std_20)
  # LibTorch from a Python package leaves its CUDA libraries in other packages, which only the loader finds.
  target_link_options(${target} PRIVATE -Wl,--allow-shlib-undefined)
endfunction()
