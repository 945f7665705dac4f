// How a loss joins the losses of its samples.
#pragma once

#include <cstdint>

namespace ember {

enum class Reduction : int8_t { None, Mean, Sum };

}  // namespace ember
