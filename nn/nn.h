// All of nn.
#pragma once

#include <ember/nn/any.h>
#include <ember/nn/cloneable.h>
#include <ember/nn/functional.h>
#include <ember/nn/init.h>
#include <ember/nn/module.h>
#include <ember/nn/sequential.h>
#include <ember/nn/utils.h>
