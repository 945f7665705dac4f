// Loops that nvcc is to unroll, whole or by n, in code that compilers of the host read too.
#pragma once

#if defined(__CUDA_ARCH__)
#define EMBER_PRAGMA(text) _Pragma(#text)
#define EMBER_UNROLL EMBER_PRAGMA(unroll)
#define EMBER_UNROLL_BY(n) EMBER_PRAGMA(unroll n)
#else
#define EMBER_UNROLL
#define EMBER_UNROLL_BY(n)
#endif
