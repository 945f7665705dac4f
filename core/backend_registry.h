// For tests: a backend of one's own in the place of a device's. Not a public header.
#pragma once

#include <ember/core/backend.h>

namespace ember::detail {

// Before the device is used. Its column of the kernel table is the caller's to fill.
void replace_backend(DeviceType type, Backend* backend) noexcept;

}  // namespace ember::detail
