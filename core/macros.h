// Attributes shared by host and device code.
#pragma once

// EMBER_UNROLL, before a loop: nvcc is to unroll it, whole or by n.
#if defined(__CUDACC__)
#define EMBER_HD __host__ __device__
#define EMBER_PRAGMA(text) _Pragma(#text)
#define EMBER_UNROLL EMBER_PRAGMA(unroll)
#define EMBER_UNROLL_BY(n) EMBER_PRAGMA(unroll n)
#else
#define EMBER_HD
#define EMBER_UNROLL
#define EMBER_UNROLL_BY(n)
#endif

#define EMBER_ALWAYS_INLINE __attribute__((always_inline)) inline
#define EMBER_NOINLINE __attribute__((noinline))
