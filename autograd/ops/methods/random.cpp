// Methods of Tensor that are their free functions of functions/random.h. The others are defined beside what they do.
#include <ember/autograd/functions.h>

namespace ember {}  // namespace ember
