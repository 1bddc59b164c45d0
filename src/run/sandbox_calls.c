/* seccomp: the calls that the C library, OpenSSL, RocksDB, SQLite, libunbound and the sanitizers
 * make. All others answer ENOSYS, so that a library falls back as on an older kernel; what only an
 * intruder wants answers EPERM. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "run/role.h"
#include "run/sandbox_part.h"

#define CALL(name) SCMP_SYS(name)

static const int allowed[] = {
	/* descriptors */
	CALL(read),
	CALL(write),
	CALL(readv),
	CALL(writev),
	CALL(pread64),
	CALL(pwrite64),
	CALL(preadv),
	CALL(pwritev),
	CALL(preadv2),
	CALL(pwritev2),
	CALL(close),
	CALL(close_range),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(fcntl),
	CALL(lseek),
	CALL(pipe),
	CALL(pipe2),
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(splice),
	CALL(tee),
	CALL(sendfile),
	CALL(copy_file_range),
	CALL(ioctl),
	CALL(flock),
	/* files; which ones is Landlock's and the user's matter */
	CALL(open),
	CALL(openat),
	CALL(creat),
	CALL(stat),
	CALL(lstat),
	CALL(fstat),
	CALL(newfstatat),
	CALL(statx),
	CALL(statfs),
	CALL(fstatfs),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getdents),
	CALL(getdents64),
	CALL(getcwd),
	CALL(chdir),
	CALL(fchdir),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(rmdir),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
	CALL(link),
	CALL(linkat),
	CALL(symlink),
	CALL(symlinkat),
	CALL(unlink),
	CALL(unlinkat),
	CALL(chmod),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchown),
	CALL(umask),
	CALL(utimensat),
	CALL(truncate),
	CALL(ftruncate),
	CALL(fallocate),
	CALL(fadvise64),
	CALL(readahead),
	CALL(fsync),
	CALL(fdatasync),
	CALL(sync_file_range),
	CALL(syncfs),
	CALL(memfd_create),
	CALL(inotify_init1),
	CALL(inotify_add_watch),
	CALL(inotify_rm_watch),
	/* memory */
	CALL(mmap),
	CALL(munmap),
	CALL(mremap),
	CALL(mprotect),
	CALL(madvise),
	CALL(brk),
	CALL(msync),
	CALL(mincore),
	CALL(mlock),
	CALL(munlock),
	CALL(membarrier),
	CALL(get_mempolicy),
	CALL(mbind),
	/* sockets; creating them is restricted below */
	CALL(bind),
	CALL(connect),
	CALL(listen),
	CALL(accept),
	CALL(accept4),
	CALL(getsockname),
	CALL(getpeername),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(sendto),
	CALL(recvfrom),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(sendmmsg),
	CALL(recvmmsg),
	CALL(shutdown),
	CALL(socketpair),
	/* events and time */
	CALL(epoll_create),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_pwait2),
	CALL(eventfd),
	CALL(eventfd2),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(signalfd4),
	CALL(nanosleep),
	CALL(clock_nanosleep),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(gettimeofday),
	CALL(time),
	CALL(times),
	CALL(getitimer),
	CALL(setitimer),
	CALL(alarm),
	CALL(pause),
	/* threads and signals */
	CALL(futex),
	CALL(set_robust_list),
	CALL(get_robust_list),
	CALL(rseq),
	CALL(set_tid_address),
	CALL(gettid),
	CALL(tgkill),
	CALL(tkill),
	CALL(kill),
	CALL(exit),
	CALL(exit_group),
	CALL(wait4),
	CALL(waitid),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(rt_sigpending),
	CALL(rt_sigsuspend),
	CALL(rt_sigtimedwait),
	CALL(rt_sigqueueinfo),
	CALL(rt_tgsigqueueinfo),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(sched_setaffinity),
	CALL(sched_getparam),
	CALL(sched_getscheduler),
	CALL(sched_setscheduler),
	CALL(sched_get_priority_max),
	CALL(sched_get_priority_min),
	CALL(getpriority),
	CALL(setpriority),
	CALL(ioprio_set),
	CALL(ioprio_get),
	CALL(arch_prctl),
	CALL(prctl),
	CALL(fork),
	CALL(vfork),
	/* questions about itself and the machine */
	CALL(getpid),
	CALL(getppid),
	CALL(getpgrp),
	CALL(getpgid),
	CALL(getsid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getgroups),
	CALL(getresuid),
	CALL(getresgid),
	CALL(uname),
	CALL(sysinfo),
	CALL(getrandom),
	CALL(getrusage),
	CALL(getrlimit),
	CALL(prlimit64),
	CALL(getcpu),
	CALL(capget),
};
/* Said out loud, so that a library's fallback never hides an attempt. */
static const int refused[] = {
	CALL(execve),
	CALL(execveat),
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(mount),
	CALL(umount2),
	CALL(pivot_root),
	CALL(chroot),
	CALL(unshare),
	CALL(setns),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(init_module),
	CALL(finit_module),
	CALL(delete_module),
	CALL(kexec_load),
	CALL(reboot),
	CALL(swapon),
	CALL(swapoff),
	CALL(keyctl),
	CALL(add_key),
	CALL(request_key),
	CALL(userfaultfd),
	CALL(setuid),
	CALL(setgid),
	CALL(setresuid),
	CALL(setresgid),
	CALL(setgroups),
	CALL(mknod),
	CALL(mknodat),
	CALL(chown),
	CALL(lchown),
	CALL(fchownat),
	CALL(personality),
};

static bool is_lifted(int call, unsigned may)
{
	if ((may & MAY_SPAWN) && (call == CALL(execve) || call == CALL(execveat)))
		return true;
	/* The leak checker of a sanitized build stops its own threads with it. */
	return POSTA_SANITIZED && (call == CALL(ptrace) || call == CALL(personality));
}

static int add_lists(scmp_filter_ctx f, unsigned may)
{
	int rc = 0;

	for (size_t i = 0; i < COUNT(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < COUNT(refused) && rc == 0; i++)
		rc = seccomp_rule_add(
			f, is_lifted(refused[i], may) ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM),
			refused[i], 0);
	return rc;
}

/* Threads, but no name spaces. clone3 hides its flags in memory: ENOSYS makes glibc use clone. */
static int add_clone(scmp_filter_ctx f)
{
	const scmp_datum_t spaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
				    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	return seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, spaces, 0));
}

static int add_socket(scmp_filter_ctx f, unsigned may)
{
	static const int outside[] = { AF_INET, AF_INET6, AF_NETLINK };
	int rc =
		seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

	for (size_t i = 0; i < COUNT(outside) && rc == 0 && (may & MAY_CONNECT); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, CALL(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)outside[i]));
	return rc;
}

err sandbox_calls(unsigned may)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

	if (!f)
		return fail(E_IO, "seccomp: no memory");
	int rc = add_lists(f, may);

	rc = rc ? rc : add_clone(f);
	rc = rc ? rc : add_socket(f, may);
	rc = rc ? rc : seccomp_load(f);
	seccomp_release(f);
	return rc ? fail(E_IO, "seccomp: %s", strerror(-rc)) : OK;
}
