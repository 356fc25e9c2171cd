// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signal frames on a program's stack, laid out as Linux's: siginfo and ucontext (uapi
 * asm/ucontext.h, asm/sigcontext.h), whose reserved part holds tagged records; here FP/SIMD, then
 * the end. Above them a frame record, so that call chains go on through the handler.
 *
 *   sp ->  siginfo | ucontext: flags, stack, mask, registers, records ... | x29, x30
 */
#include <linux/signal.h>

#include <arch/context.h>
#include <arch/uaccess.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/string.h>
#include <twofold/task.h>

/* SPSR_EL1 for EL0 (Arm ARM C5.2.18): what a program may choose, and what must be zero. */
#define PSTATE_NZCV GENMASK(31, 28)
#define PSTATE_USER (PSTATE_NZCV | BIT(12) /* SSBS */ | BIT(24) /* DIT */)
#define PSTATE_MUST_BE_0 (GENMASK(4, 0) | GENMASK(9, 6)) /* AArch64, EL0t; DAIF clear */

struct rt_sigframe {
	siginfo_t info;
	struct ucontext uc;
};

struct frame_record {
	uint64_t fp, lr;
};

struct records {
	struct fpsimd_context fp;
	struct _aarch64_ctx end;
};

_Static_assert(offsetof(struct rt_sigframe, uc) == 128, "Linux's layout");
_Static_assert(offsetof(struct ucontext, uc_mcontext) == 176, "Linux's layout");
_Static_assert(sizeof(struct sigcontext) == 4384, "Linux's layout");

extern const char vdso_page[]; /* context.S */

const void *arch_vdso_page(void)
{
	return vdso_page;
}

static bool on_altstack(uint64_t sp)
{
	const struct task *t = current;

	return t->altstack_size && !(t->altstack_flags & SS_AUTODISARM) && sp > t->altstack_sp &&
	       sp - t->altstack_sp <= t->altstack_size;
}

static uint64_t frame_top(const struct trapframe *tf, uint64_t action_flags)
{
	const struct task *t = current;

	if ((action_flags & SA_ONSTACK) && t->altstack_size && !on_altstack(tf->sp))
		return t->altstack_sp + t->altstack_size;
	return tf->sp;
}

static stack_t altstack_of(const struct trapframe *tf)
{
	const struct task *t = current;
	stack_t stack = {
		.ss_sp = (void *)(uintptr_t)t->altstack_sp,
		.ss_size = t->altstack_size,
		.ss_flags = t->altstack_size ? t->altstack_flags : SS_DISABLE,
	};

	if (on_altstack(tf->sp))
		stack.ss_flags = SS_ONSTACK;
	return stack;
}

static uint64_t fault_address(const siginfo_t *info)
{
	bool fault = info->si_signo == SIGSEGV || info->si_signo == SIGBUS ||
		     info->si_signo == SIGILL || info->si_signo == SIGFPE ||
		     info->si_signo == SIGTRAP;

	return fault && info->si_code > 0 ? (uintptr_t)info->si_addr : 0;
}

/* Copies a member of the frame at `base` out: 0 or -EFAULT. */
#define PUT(base, type, member, from)                                                              \
	copy_to_user(uptr_add(base, offsetof(type, member)), from, sizeof(((type *)0)->member))

static int put_context(uptr_t uc, const struct trapframe *tf, uint64_t address, uint64_t mask)
{
	stack_t stack = altstack_of(tf);
	uint64_t flags_and_link[2] = {0, 0};
	uptr_t mc = uptr_add(uc, offsetof(struct ucontext, uc_mcontext));
	int err = copy_to_user(uc, flags_and_link, sizeof(flags_and_link));

	err |= PUT(uc, struct ucontext, uc_stack, &stack);
	err |= PUT(uc, struct ucontext, uc_sigmask, &mask);
	err |= put_user_u64(uptr_add(mc, offsetof(struct sigcontext, fault_address)), address);
	/* regs, sp, pc, pstate: in the trapframe's order. */
	err |= copy_to_user(uptr_add(mc, offsetof(struct sigcontext, regs)), tf->x,
			    offsetof(struct trapframe, orig_x0));
	return err;
}

/* current->fp is up to date while the task runs only after this. */
static int put_records(uptr_t at)
{
	struct arch_fpstate *fp = current->fp;
	struct fpsimd_context head = {.head = {FPSIMD_MAGIC, sizeof(head)}};
	struct _aarch64_ctx end = {0, 0};
	int err;

	arch_fp_save(fp);
	head.fpsr = fp->fpsr;
	head.fpcr = fp->fpcr;
	err = copy_to_user(at, &head, offsetof(struct fpsimd_context, vregs));
	err |= PUT(at, struct fpsimd_context, vregs, fp->v);
	err |= PUT(at, struct records, end, &end);
	return err;
}

int arch_signal_frame(struct trapframe *tf, int sig, const struct sigaction_k *action,
		      const void *siginfo, uint64_t mask)
{
	struct frame_record record = {tf->x[29], tf->x[30]};
	uint64_t top = ALIGN_DOWN(frame_top(tf, action->flags), 16ull) - sizeof(record);
	uptr_t frame = UPTR(top - ALIGN_UP(sizeof(struct rt_sigframe), 16));
	uptr_t uc = uptr_add(frame, offsetof(struct rt_sigframe, uc));
	int err = copy_to_user(UPTR(top), &record, sizeof(record));

	err |= put_context(uc, tf, fault_address(siginfo), mask);
	err |= put_records(uptr_add(uc, offsetof(struct ucontext, uc_mcontext.__reserved)));
	if (action->flags & SA_SIGINFO)
		err |= PUT(frame, struct rt_sigframe, info, siginfo);
	if (err)
		return -EFAULT;
	tf->x[0] = (uint64_t)sig;
	if (action->flags & SA_SIGINFO) {
		tf->x[1] = frame.ua;
		tf->x[2] = uc.ua;
	}
	tf->x[29] = top;
	tf->x[30] = action->flags & SA_RESTORER ? action->restorer : current->mm->vdso + 4;
	tf->sp = frame.ua;
	tf->pc = action->handler;
	if (current->altstack_flags & SS_AUTODISARM) {
		current->altstack_sp = current->altstack_size = 0;
		current->altstack_flags = SS_DISABLE;
	}
	return 0;
}

/* The handler may have grown the records or left some out; FP/SIMD must be among them, once. */
static int get_records(uptr_t at)
{
	uint64_t left = sizeof(((struct sigcontext *)0)->__reserved);
	struct arch_fpstate *fp = current->fp;
	struct fpsimd_context head;
	bool found = false;

	for (;;) {
		if (left < sizeof(head.head) || copy_from_user(&head.head, at, sizeof(head.head)))
			return -EFAULT;
		if (!head.head.magic)
			break;
		if (head.head.size < sizeof(head.head) || head.head.size % 16 ||
		    head.head.size > left)
			return -EFAULT;
		if (head.head.magic == FPSIMD_MAGIC) {
			if (found || head.head.size != sizeof(head) ||
			    copy_from_user(&head, at, sizeof(head)))
				return -EFAULT;
			found = true;
		}
		at = uptr_add(at, head.head.size);
		left -= head.head.size;
	}
	if (!found)
		return -EFAULT;
	memcpy(fp->v, head.vregs, sizeof(fp->v));
	fp->fpsr = head.fpsr;
	fp->fpcr = head.fpcr;
	arch_fp_load(fp);
	return 0;
}

/* As sigaltstack() would, but a refusal changes nothing and is no error. */
static void restore_altstack(const stack_t *stack, uint64_t sp)
{
	int flags = stack->ss_flags & ~(int)SS_AUTODISARM;

	if (on_altstack(sp) || (flags & ~(SS_DISABLE | SS_ONSTACK)))
		return;
	if (flags != SS_DISABLE && stack->ss_size < MINSIGSTKSZ)
		return;
	current->altstack_sp = flags == SS_DISABLE ? 0 : (uintptr_t)stack->ss_sp;
	current->altstack_size = flags == SS_DISABLE ? 0 : stack->ss_size;
	current->altstack_flags = flags == SS_DISABLE ? SS_DISABLE : stack->ss_flags;
}

int arch_sigreturn(struct trapframe *tf, uint64_t *mask)
{
	uptr_t uc = UPTR(tf->sp + offsetof(struct rt_sigframe, uc));
	uptr_t mc = uptr_add(uc, offsetof(struct ucontext, uc_mcontext));
	struct trapframe new;
	stack_t stack;

	if (tf->sp % 16 ||
	    get_user_u64(mask, uptr_add(uc, offsetof(struct ucontext, uc_sigmask))) ||
	    copy_from_user(&stack, uptr_add(uc, offsetof(struct ucontext, uc_stack)),
			   sizeof(stack)) ||
	    copy_from_user(&new, uptr_add(mc, offsetof(struct sigcontext, regs)),
			   offsetof(struct trapframe, orig_x0)) ||
	    (new.pstate &PSTATE_MUST_BE_0) ||
	    get_records(uptr_add(mc, offsetof(struct sigcontext, __reserved))))
		return -EFAULT;
	new.pstate &= PSTATE_USER;
	new.orig_x0 = 0;
	new.syscall = ~0ull; /* nothing to restart */
	*tf = new;
	restore_altstack(&stack, tf->sp);
	return 0;
}
