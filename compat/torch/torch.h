// LibTorch's umbrella header, for programs that are built against Ember: names only.
#pragma once

#include <torch/all.h>
