// Code for each dtype: the macros call the lambda with scalar_t as the C++ type of a dtype, and give what it gives.
//
//   EMBER_DISPATCH_FLOATING_TYPES(x.scalar_type(), "scale", [&] { scale(x.data_ptr<scalar_t>(), x.numel()); });
//
// A dtype that is none of the macro's throws NotImplementedError. New code may rather use visit_dtype (dtype.h).
#pragma once

#include <ember/core/dtype.h>
#include <ember/core/error.h>

#define EMBER_DISPATCH_SWITCH(TYPE, NAME, ...) \
  [&] { \
    const ::ember::ScalarType ember_dispatch_type = (TYPE); \
    switch (ember_dispatch_type) { \
      __VA_ARGS__ \
      default: \
        ::ember::detail::throw_as<::ember::NotImplementedError>( \
            ::ember::str(NAME, ": not implemented for ", ::ember::dtype_name(ember_dispatch_type))); \
    } \
  }()
#define EMBER_DISPATCH_CASE(SCALARTYPE, ...) \
  case SCALARTYPE: { \
    using scalar_t [[maybe_unused]] = ::ember::impl::ScalarTypeToCPPTypeT<SCALARTYPE>; \
    return __VA_ARGS__(); \
  }

#define EMBER_DISPATCH_CASE_FLOATING_TYPES(...) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Double, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Float, __VA_ARGS__)
#define EMBER_DISPATCH_CASE_REDUCED_FLOATING_TYPES(...) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Half, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::BFloat16, __VA_ARGS__)
#define EMBER_DISPATCH_CASE_INTEGRAL_TYPES(...) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Byte, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Char, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Int, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Long, __VA_ARGS__) \
  EMBER_DISPATCH_CASE(::ember::ScalarType::Short, __VA_ARGS__)
#define EMBER_DISPATCH_CASE_ALL_TYPES(...) \
  EMBER_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__) \
  EMBER_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__)

#define EMBER_DISPATCH_FLOATING_TYPES(TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, EMBER_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__))
#define EMBER_DISPATCH_FLOATING_TYPES_AND_HALF(TYPE, NAME, ...) \
  EMBER_DISPATCH_FLOATING_TYPES_AND(::ember::ScalarType::Half, TYPE, NAME, __VA_ARGS__)
#define EMBER_DISPATCH_FLOATING_TYPES_AND(T1, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, \
                        EMBER_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__))
#define EMBER_DISPATCH_FLOATING_TYPES_AND2(T1, T2, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, \
                        EMBER_DISPATCH_CASE_FLOATING_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__) \
                            EMBER_DISPATCH_CASE(T2, __VA_ARGS__))
#define EMBER_DISPATCH_REDUCED_FLOATING_TYPES(TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, EMBER_DISPATCH_CASE_REDUCED_FLOATING_TYPES(__VA_ARGS__))
#define EMBER_DISPATCH_INTEGRAL_TYPES(TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, EMBER_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__))
#define EMBER_DISPATCH_INTEGRAL_TYPES_AND(T1, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, \
                        EMBER_DISPATCH_CASE_INTEGRAL_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__))
#define EMBER_DISPATCH_ALL_TYPES(TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, EMBER_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__))
#define EMBER_DISPATCH_ALL_TYPES_AND(T1, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, EMBER_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__))
#define EMBER_DISPATCH_ALL_TYPES_AND2(T1, T2, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, \
                        EMBER_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__) \
                            EMBER_DISPATCH_CASE(T2, __VA_ARGS__))
#define EMBER_DISPATCH_ALL_TYPES_AND3(T1, T2, T3, TYPE, NAME, ...) \
  EMBER_DISPATCH_SWITCH(TYPE, NAME, \
                        EMBER_DISPATCH_CASE_ALL_TYPES(__VA_ARGS__) EMBER_DISPATCH_CASE(T1, __VA_ARGS__) \
                            EMBER_DISPATCH_CASE(T2, __VA_ARGS__) EMBER_DISPATCH_CASE(T3, __VA_ARGS__))
