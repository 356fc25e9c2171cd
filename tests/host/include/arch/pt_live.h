/* SPDX-License-Identifier: BSD-2-Clause */
/* The host tests take ARM's format for the live one, as it does; both are tested alike. */
#include "../../../../arch/arm64/include/arch/pt_live.h"
