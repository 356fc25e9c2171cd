# SPDX-License-Identifier: BSD-2-Clause
# What each host test is made of, beside its own tests/host/test_NAME.c:
#   NAME_SRCS := sources (mm/pt.c stands for both table formats); NAME_LIBS := linker flags
# and each fuzz target, beside its own tests/fuzz/fuzz_NAME.c:
#   NAME_FUZZ_SRCS, NAME_FUZZ_LIBS

# Physical memory and the machine under it: what most tests of mm/ stand on.
PHYS_SRCS := tests/host/shim.c mm/early.c mm/frames.c mm/buddy.c mm/vmstat.c
SLAB_SRCS := mm/slab.c mm/slab_debug.c mm/kmalloc.c
# For shim_fail_alloc_after().
SHIM_WRAP := -Wl,--wrap=alloc_pages,--wrap=kmem_cache_alloc,--wrap=kmalloc

frames_SRCS := $(PHYS_SRCS)
buddy_SRCS := $(PHYS_SRCS)
buddy_LIBS := -lpthread
slab_SRCS := $(PHYS_SRCS) $(SLAB_SRCS)
slab_LIBS := $(SHIM_WRAP)
vmalloc_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) mm/vmalloc.c mm/kernel_pt.c mm/twin.c mm/pt.c tests/host/tlb_model.c
vmalloc_LIBS := $(SHIM_WRAP) -Wl,--wrap=free_pages

ptfmt_SRCS :=
pt_SRCS := $(PHYS_SRCS) mm/pt.c tests/host/tlb_model.c
pt_LIBS := $(SHIM_WRAP) -Wl,--wrap=free_pages,--wrap=page_mark_dirty
softmmu_arm64_SRCS := arch/arm64/softmmu.c tests/host/table_memory.c
softmmu_x86_64_SRCS := arch/x86_64/softmmu.c tests/host/table_memory.c
promises_SRCS := arch/arm64/softmmu.c arch/x86_64/softmmu.c tests/host/table_memory.c
softmmu_SRCS := $(PHYS_SRCS) mm/pt.c tests/host/tlb_model.c arch/arm64/softmmu.c arch/x86_64/softmmu.c
softmmu_LIBS := $(SHIM_WRAP) -Wl,--wrap=free_pages

devtree_SRCS := drivers/devtree.c drivers/machine.c kernel/params.c tests/host/strlcpy.c
devtree_LIBS := -lfdt
devtree_FUZZ_SRCS := $(devtree_SRCS)
devtree_FUZZ_LIBS := -lfdt

pagemap_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) mm/pagemap.c mm/span.c
pagemap_LIBS := $(SHIM_WRAP)
VM_SRCS := mm/mm.c mm/area.c mm/object.c mm/filemap.c mm/fault.c mm/fault_quick.c mm/rmap.c mm/swapback.c mm/mmap.c \
	mm/mprotect.c mm/mremap.c mm/madvise.c mm/mlock.c mm/brk.c mm/pagemap.c mm/span.c mm/pt.c \
	mm/twin.c mm/totals.c mm/kernel_pt.c
vm_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) $(VM_SRCS) tests/host/tlb_model.c tests/host/vm_model.c
vm_LIBS := $(SHIM_WRAP) -Wl,--wrap=free_pages
twin_SRCS := $(vm_SRCS)
twin_LIBS := $(vm_LIBS)

cpio_SRCS := fs/cpio.c
cpio_FUZZ_SRCS := fs/cpio.c

SWAP_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) $(VM_SRCS) mm/swap.c mm/swap_io.c mm/swapon.c mm/swap_header.c \
	mm/lru.c mm/aging.c mm/reclaim.c mm/oom.c kernel/block.c tests/host/tlb_model.c \
	tests/host/swap_model.c
swap_SRCS := $(SWAP_SRCS)
swap_LIBS := $(SHIM_WRAP) -Wl,--wrap=free_pages
reclaim_SRCS := $(SWAP_SRCS)
reclaim_LIBS := $(swap_LIBS)
direct_SRCS := $(SWAP_SRCS) mm/pin.c
direct_LIBS := $(swap_LIBS)
swap_header_FUZZ_SRCS := mm/swap_header.c

elf_SRCS := kernel/elf.c
elf_FUZZ_SRCS := kernel/elf.c

SD_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) drivers/sd/card.c drivers/sd/transfer.c drivers/sd/registers.c \
	tests/host/sd_model.c
sd_card_SRCS := $(SD_SRCS)
sd_card_LIBS := $(SHIM_WRAP)
sd_disk_SRCS := $(SD_SRCS) drivers/sd/disk.c kernel/block.c
sd_disk_LIBS := $(SHIM_WRAP)
partition_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) kernel/partition.c
partition_LIBS := $(SHIM_WRAP)
sdhci_SRCS := $(PHYS_SRCS) $(SLAB_SRCS) drivers/sd/dma.c drivers/sd/poll.c
sdhci_LIBS := $(SHIM_WRAP)
