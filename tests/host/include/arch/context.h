/* SPDX-License-Identifier: BSD-2-Clause */
/* Declarations only, the same for every machine: no host test switches tasks. */
#include "../../../../arch/arm64/include/arch/context.h"
