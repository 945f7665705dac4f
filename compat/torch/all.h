// LibTorch's names in torch::, at:: and c10::, and its macros.
#pragma once

#include <torch/detail/macros.h>
#include <torch/detail/namespaces.h>
