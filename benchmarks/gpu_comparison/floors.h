// What the device can do at best, by which the rows are judged. All of it on the CUDA device 0; throws std::exception.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "product.h"

namespace gpu::floors {

// Whether this program was built with CUDA.
bool available();

// The device, driver and CUDA as the members of a JSON object.
std::string describe();

// Nanoseconds in which `bytes` are copied from one part of the device's memory to another: twice as many are moved.
double copy(int64_t bytes, double sample_ms);
// Of the host, to launch a kernel that does nothing.
double launch(double sample_ms);
// Of one kernel in a graph of kernels that do nothing, one after the other.
double graph_node(double sample_ms);
// One product by the best of the algorithms that cuBLASLt proposes; what it needs is kept for the next call.
double product(const Product& product, double sample_ms);
// These products, so often each, one after the other: all of them under the load that a step of them is, on which the
// clock may depend.
double products(const std::vector<std::pair<Product, int>>& all, double sample_ms);
// Frees what product() and products() kept.
void release();

}  // namespace gpu::floors
