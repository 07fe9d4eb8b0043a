// Parts of MicroPython that no meter uses. Without them an image leaves room for the next one, which a deployment stages
// beside it (boards/pico/board.toml). `deflate` stays: `binascii.crc32` is a part of it.
#define MICROPY_HW_ENABLE_USB_RUNTIME_DEVICE 0
#define MICROPY_PY_BUILTINS_COMPLEX 0
#define MICROPY_PY_CMATH 0
#define MICROPY_PY_FRAMEBUF 0
#define MICROPY_PY_HEAPQ 0
#define MICROPY_PY_MATH 0
#define MICROPY_PY_RE 0
// No thread: the second core is asleep, and each allocation is quicker without a lock.
#define MICROPY_PY_THREAD 0

// A collection of garbage must not overflow its stack of blocks: it would begin anew with the whole heap, and take three
// times as long. A meter with every module of key cards uses 553 entries of two bytes. The memory for them is that of
// buffers for characters that come from USB, which waits while they are full, and of lines typed at the REPL.
#define MICROPY_ALLOC_GC_STACK_SIZE 576
#define MICROPY_HW_STDIN_BUFFER_LEN 128
#define MICROPY_READLINE_HISTORY_SIZE 2
#define CFG_TUD_CDC_RX_BUFSIZE 64
