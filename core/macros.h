// Attributes shared by host and device code.
#pragma once

#if defined(__CUDACC__)
#define EMBER_HD __host__ __device__
#else
#define EMBER_HD
#endif

#define EMBER_ALWAYS_INLINE __attribute__((always_inline)) inline
#define EMBER_NOINLINE __attribute__((noinline))
