#include <ember/cuda/graph_kernels.h>

#include <algorithm>
#include <cstring>

#include <ember/cuda/check.h>

namespace ember::cuda {

namespace {
constexpr size_t kMostBytes = 3072;  // a kernel has 4 KiB for arguments
struct Payload {
  uint4 words[kMostBytes / sizeof(uint4)];
};
constexpr unsigned kWords = kMostBytes / sizeof(uint4);
}  // namespace

__global__ void __launch_bounds__(kWords)
    store_payload(uint4* out, const __grid_constant__ Payload payload, unsigned n) {
  if (threadIdx.x < n) out[threadIdx.x] = payload.words[threadIdx.x];
}

__global__ void wait_until(uint64_t nanoseconds) {
  uint64_t begin, now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
  do {
    __nanosleep(1000);
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  } while (now - begin < nanoseconds);
}

void store_values(void* device, const void* host, size_t nbytes, cudaStream_t stream) {
  for (size_t done = 0; done < nbytes; done += kMostBytes) {
    const size_t part = std::min(kMostBytes, nbytes - done);
    Payload payload;
    std::memcpy(&payload, static_cast<const char*>(host) + done, part);
    store_payload<<<1, kWords, 0, stream>>>(reinterpret_cast<uint4*>(static_cast<char*>(device) + done), payload,
                                            static_cast<unsigned>(part / sizeof(uint4)));
    check_launch("store_values");
  }
}

void delay(cudaStream_t stream, int64_t microseconds) {
  wait_until<<<1, 1, 0, stream>>>(static_cast<uint64_t>(microseconds) * 1000);
  check_launch("delay");
}

}  // namespace ember::cuda
