#include <ember/autograd/ops/linear_activation.h>
#include <ember/nn/activation.h>
#include <ember/nn/linear.h>
#include <ember/nn/sequential.h>

#include <ostream>

namespace ember::nn {

namespace {

// What a Linear can be computed with.
std::optional<Activation> activation_of(const AnyModule& module) {
  if (const auto* const relu = module.exactly<ReLUImpl>()) {
    if (!relu->options.inplace()) return Activation::Relu;
  } else if (const auto* const gelu = module.exactly<GELUImpl>()) {
    if (gelu->options.approximate() == "tanh") return Activation::GeluTanh;
  }
  return std::nullopt;
}

}  // namespace

SequentialImpl::SequentialImpl() = default;

SequentialImpl::SequentialImpl(OrderedDict<std::string, AnyModule>&& modules) {
  modules_.reserve(modules.size());
  for (auto& item : modules) push_back(item.key(), std::move(item.value()));
}

SequentialImpl::SequentialImpl(std::initializer_list<NamedAnyModule> modules) {
  modules_.reserve(modules.size());
  for (const NamedAnyModule& item : modules) push_back(item.name(), item.module());
}

void SequentialImpl::push_back(AnyModule module) { push_back(std::to_string(modules_.size()), std::move(module)); }

void SequentialImpl::push_back(std::string name, AnyModule module) {
  register_module(std::move(name), module.ptr());
  modules_.push_back(std::move(module));
}

void SequentialImpl::check_not_empty() const { EMBER_CHECK(!is_empty(), "Sequential: forward() needs a module"); }

AnyValue SequentialImpl::run_from(size_t first, AnyValue value) {
  for (size_t i = first; i < modules_.size(); ++i) {
    if (i + 1 < modules_.size()) {
      const auto* const linear = modules_[i].exactly<LinearImpl>();
      const auto activation = linear != nullptr ? activation_of(modules_[i + 1]) : std::nullopt;
      const Tensor* const input = activation ? value.try_get<Tensor>() : nullptr;
      if (input != nullptr) {
        {
          const ForwardRange range(*linear);
          value = AnyValue(ops::linear_activation(*input, linear->weight, linear->bias, *activation));
        }
        if (ember::detail::profiler_ranges) [[unlikely]] {
          const ForwardRange range(*modules_[i + 1].ptr());  // with nothing in it
        }
        ++i;
        continue;
      }
    }
    value = modules_[i].any_forward(std::move(value));
  }
  return value;
}

AnyModule& SequentialImpl::checked(size_t index) {
  EMBER_CHECK_INDEX(index < size(), "Sequential: index ", index, " is out of range for ", size(), " modules");
  return modules_[index];
}

const AnyModule& SequentialImpl::checked(size_t index) const {
  EMBER_CHECK_INDEX(index < size(), "Sequential: index ", index, " is out of range for ", size(), " modules");
  return modules_[index];
}

std::shared_ptr<Module> SequentialImpl::clone(const std::optional<Device>& device) const {
  auto copy = std::make_shared<SequentialImpl>(*this);
  copy->modules_.clear();
  copy->children_.clear();
  for (size_t i = 0; i < size(); ++i) copy->push_back(children_[i].key(), modules_[i].clone(device));
  return copy;
}

Sequential::Sequential(std::initializer_list<NamedAnyModule> modules)
    : ModuleHolder(std::make_shared<SequentialImpl>(modules)) {}

void SequentialImpl::pretty_print(std::ostream& stream) const { stream << detail::printed_prefix() << "Sequential"; }

}  // namespace ember::nn
