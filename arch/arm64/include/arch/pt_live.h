/* SPDX-License-Identifier: BSD-2-Clause */
/* On this machine the live tables are ARM's, and their twins x86-64's. */
#ifndef ARCH_PT_LIVE_H
#define ARCH_PT_LIVE_H

#define PT_LIVE_FMT arm64
#define PT_TWIN_FMT x86_64

#define pt_init arm64_pt_init
#define pt_fini arm64_pt_fini
#define pt_clear arm64_pt_clear
#define pt_map arm64_pt_map
#define pt_fill arm64_pt_fill
#define pt_unmap arm64_pt_unmap
#define pt_protect arm64_pt_protect
#define pt_query arm64_pt_query
#define pt_test_clear arm64_pt_test_clear
#define pt_set_soft arm64_pt_set_soft
#define pt_test_young arm64_pt_test_young
#define pt_set_young arm64_pt_set_young
#define pt_evict arm64_pt_evict
#define pt_flush_evicted arm64_pt_flush_evicted
#define pt_token arm64_pt_token
#define pt_copy arm64_pt_copy
#define pt_trace arm64_pt_trace
#define pt_next arm64_pt_next

#define twin_pt_init x86_64_pt_init
#define twin_pt_fini x86_64_pt_fini
#define twin_pt_clear x86_64_pt_clear
#define twin_pt_map x86_64_pt_map
#define twin_pt_fill x86_64_pt_fill
#define twin_pt_unmap x86_64_pt_unmap
#define twin_pt_protect x86_64_pt_protect
#define twin_pt_query x86_64_pt_query
#define twin_pt_test_clear x86_64_pt_test_clear
#define twin_pt_set_soft x86_64_pt_set_soft
#define twin_pt_test_young x86_64_pt_test_young
#define twin_pt_set_young x86_64_pt_set_young
#define twin_pt_evict x86_64_pt_evict
#define twin_pt_flush_evicted x86_64_pt_flush_evicted
#define twin_pt_copy x86_64_pt_copy
#define twin_pt_trace x86_64_pt_trace
#define twin_pt_next x86_64_pt_next
#define twin_pt_kernel_half x86_64_pt_kernel_half

#endif
