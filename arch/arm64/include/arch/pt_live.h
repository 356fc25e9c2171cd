/* SPDX-License-Identifier: BSD-2-Clause */
/* On this machine the live tables are ARM's. */
#ifndef ARCH_PT_LIVE_H
#define ARCH_PT_LIVE_H

#define PT_LIVE_FMT arm64

#define pt_init arm64_pt_init
#define pt_fini arm64_pt_fini
#define pt_map arm64_pt_map
#define pt_unmap arm64_pt_unmap
#define pt_protect arm64_pt_protect
#define pt_query arm64_pt_query
#define pt_test_clear arm64_pt_test_clear
#define pt_set_soft arm64_pt_set_soft
#define pt_copy arm64_pt_copy
#define pt_trace arm64_pt_trace
#define pt_next arm64_pt_next

#endif
