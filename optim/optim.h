// All of optim.
#pragma once

#include <ember/optim/adam.h>
#include <ember/optim/adamw.h>
#include <ember/optim/optimizer.h>
#include <ember/optim/sgd.h>
