// All of nn.
#pragma once

#include <ember/nn/any.h>
#include <ember/nn/archive.h>
#include <ember/nn/cloneable.h>
#include <ember/nn/functional.h>
#include <ember/nn/functional_module.h>
#include <ember/nn/init.h>
#include <ember/nn/module.h>
#include <ember/nn/module_dict.h>
#include <ember/nn/module_list.h>
#include <ember/nn/parameter_list.h>
#include <ember/nn/sequential.h>
#include <ember/nn/serialize.h>
#include <ember/nn/utils.h>
