// An emulated libcuda.so.1: all that it has is in the emulated libcudart.so.13 that it is linked with (driver.cpp).
