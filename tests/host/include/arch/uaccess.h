/* SPDX-License-Identifier: BSD-2-Clause */
/* Declarations only, the same for every machine; tests define what they link. */
#include "../../../../arch/arm64/include/arch/uaccess.h"
