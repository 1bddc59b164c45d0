#include "run/context.h"

#include <stdint.h>
#include <string.h>

/* longjmp is no way to do this: _FORTIFY_SOURCE aborts one that goes "up" to another stack. */
void posta_switch(void **save, void *load);

#if defined(__x86_64__)
/* rbx rbp r12-r15, mxcsr and the x87 control word survive a call (System V ABI). The last jump is
 * an indirect one: a ret would be mispredicted, as it does not match the call. */
__asm__(".text\n"
	".p2align 4\n"
	".hidden posta_switch\n"
	".globl posta_switch\n"
	".type posta_switch,@function\n"
	"posta_switch:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 56\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	.cfi_adjust_cfa_offset -56\n"
	"	popq %rcx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register %rip, %rcx\n"
	"	jmpq *%rcx\n"
	"	.cfi_endproc\n"
	".size posta_switch,.-posta_switch\n");

void context_make(struct context *c, char *stack, size_t n, void (*entry)(void))
{
	uint64_t *top = (uint64_t *)(void *)(stack + (n & ~(size_t)15));
	uint32_t modes[2];

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(modes[0]), "=m"(modes[1]));
	*--top =
		0; /* entry's return address: unwinders stop; makes rsp 8 mod 16, as after a call */
	*--top = (uint64_t)(uintptr_t)entry;
	for (int i = 0; i < 6; i++)
		*--top = 0;
	*--top = (uint64_t)modes[0] | (uint64_t)(modes[1] & 0xffff) << 32;
	c->sp = top;
}

#elif defined(__aarch64__)
/* x19-x30 and d8-d15 survive a call (AAPCS64), and fpcr. */
__asm__(".text\n"
	".p2align 4\n"
	".hidden posta_switch\n"
	".globl posta_switch\n"
	".type posta_switch,%function\n"
	"posta_switch:\n"
	"	sub sp, sp, #176\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mrs x9, fpcr\n"
	"	str x9, [sp, #160]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldr x9, [sp, #160]\n"
	"	msr fpcr, x9\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #176\n"
	"	ret\n"
	".size posta_switch,.-posta_switch\n");

void context_make(struct context *c, char *stack, size_t n, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(void *)(stack + (n & ~(size_t)15)) - 22, fpcr;

	memset(sp, 0, 22 * sizeof(*sp));
	__asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
	sp[11] = (uint64_t)(uintptr_t)entry; /* x30 */
	sp[20] = fpcr;
	c->sp = sp;
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)
void context_switch(struct context *from, struct context *to)
{
	posta_switch(&from->sp, to->sp);
}
#else
void context_make(struct context *c, char *stack, size_t n, void (*entry)(void))
{
	(void)getcontext(&c->uc);
	c->uc.uc_stack.ss_sp = stack;
	c->uc.uc_stack.ss_size = n;
	c->uc.uc_link = NULL;
	makecontext(&c->uc, entry, 0);
}

void context_switch(struct context *from, struct context *to)
{
	(void)swapcontext(&from->uc, &to->uc);
}
#endif
