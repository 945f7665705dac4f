#include <ember/core/options.h>
#include <ember/core/scalar.h>

#include <ostream>

namespace ember {

namespace {
const char* layout_name(Layout layout) {
  switch (layout) {
    case Layout::Strided: return "Strided";
    case Layout::Sparse: return "Sparse";
    case Layout::SparseCsr: return "SparseCsr";
    case Layout::Mkldnn: return "Mkldnn";
    case Layout::SparseCsc: return "SparseCsc";
    case Layout::SparseBsr: return "SparseBsr";
    case Layout::SparseBsc: return "SparseBsc";
    case Layout::Jagged: return "Jagged";
  }
  return "unknown";
}
const char* mark(bool has) { return has ? "" : " (default)"; }
}  // namespace

std::ostream& operator<<(std::ostream& out, Layout layout) { return out << layout_name(layout); }

std::ostream& operator<<(std::ostream& out, MemoryFormat format) {
  switch (format) {
    case MemoryFormat::Contiguous: return out << "Contiguous";
    case MemoryFormat::Preserve: return out << "Preserve";
    case MemoryFormat::ChannelsLast: return out << "ChannelsLast";
    case MemoryFormat::ChannelsLast3d: return out << "ChannelsLast3d";
  }
  return out << "unknown";
}

std::ostream& operator<<(std::ostream& out, const TensorOptions& o) {
  out << "TensorOptions(dtype=" << o.dtype() << mark(o.has_dtype()) << ", device=" << o.device() << mark(o.has_device())
      << ", layout=" << o.layout() << mark(o.has_layout())
      << ", requires_grad=" << (o.requires_grad() ? "true" : "false") << mark(o.has_requires_grad())
      << ", pinned_memory=" << (o.pinned_memory() ? "true" : "false") << mark(o.has_pinned_memory())
      << ", memory_format=";
  if (o.has_memory_format()) return out << *o.memory_format_opt() << ')';
  return out << "(nullopt))";
}

}  // namespace ember
