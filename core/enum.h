// Tags for option values, and variants of them: `MSELossOptions().reduction(ember::kSum)`. A tag is a type of
// its own, so that an option accepts only the values that make sense for it.
#pragma once

#include <string>
#include <type_traits>
#include <variant>

#include <ember/core/error.h>
#include <ember/core/reduction.h>

namespace ember {

#define EMBER_ENUM(tag) \
  namespace enumtype { \
  struct tag { \
    static constexpr const char* name = #tag; \
  }; \
  } \
  inline constexpr enumtype::tag tag{};

EMBER_ENUM(kLinear)
EMBER_ENUM(kConv1D)
EMBER_ENUM(kConv2D)
EMBER_ENUM(kConv3D)
EMBER_ENUM(kConvTranspose1D)
EMBER_ENUM(kConvTranspose2D)
EMBER_ENUM(kConvTranspose3D)
EMBER_ENUM(kSigmoid)
EMBER_ENUM(kTanh)
EMBER_ENUM(kReLU)
EMBER_ENUM(kLeakyReLU)
EMBER_ENUM(kFanIn)
EMBER_ENUM(kFanOut)
EMBER_ENUM(kGELU)
EMBER_ENUM(kSiLU)
EMBER_ENUM(kMish)
EMBER_ENUM(kConstant)
EMBER_ENUM(kReflect)
EMBER_ENUM(kReplicate)
EMBER_ENUM(kCircular)
EMBER_ENUM(kNearest)
EMBER_ENUM(kBilinear)
EMBER_ENUM(kBicubic)
EMBER_ENUM(kTrilinear)
EMBER_ENUM(kArea)
EMBER_ENUM(kNearestExact)
EMBER_ENUM(kSum)
EMBER_ENUM(kMean)
EMBER_ENUM(kMax)
EMBER_ENUM(kNone)
EMBER_ENUM(kBatchMean)
EMBER_ENUM(kZeros)
EMBER_ENUM(kBorder)
EMBER_ENUM(kReflection)
EMBER_ENUM(kRNN_TANH)
EMBER_ENUM(kRNN_RELU)
EMBER_ENUM(kLSTM)
EMBER_ENUM(kGRU)
EMBER_ENUM(kValid)
EMBER_ENUM(kSame)
#undef EMBER_ENUM

namespace enumtype {

// The name of the tag that a variant of tags holds: "kMean".
template <class Variant>
std::string get_enum_name(const Variant& value) {
  return std::visit([](auto tag) { return std::string(tag.name); }, value);
}

// The reduction that the variant's tag names; throws if it names none.
template <class Variant>
Reduction reduction_get_enum(const Variant& value) {
  return std::visit(
      [](auto tag) {
        using Tag = decltype(tag);
        if constexpr (std::is_same_v<Tag, kNone>) return Reduction::None;
        if constexpr (std::is_same_v<Tag, kMean>) return Reduction::Mean;
        if constexpr (std::is_same_v<Tag, kSum>) return Reduction::Sum;
        EMBER_CHECK((std::is_same_v<Tag, kNone> || std::is_same_v<Tag, kMean> || std::is_same_v<Tag, kSum>), Tag::name,
                    " is not a reduction; expected kNone, kMean or kSum");
        return Reduction::None;
      },
      value);
}

template <class T, class Variant>
inline constexpr bool is_tag_of_v = false;
template <class T, class... Tags>
inline constexpr bool is_tag_of_v<T, std::variant<Tags...>> = (std::is_same_v<T, Tags> || ...);
// T is one of the tags of the variant: what an options struct takes as its only constructor argument.
template <class T, class Variant>
concept TagOf = is_tag_of_v<T, Variant>;

}  // namespace enumtype
}  // namespace ember
