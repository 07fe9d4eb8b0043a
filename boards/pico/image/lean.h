// Parts of MicroPython that no meter uses. Without them an image leaves room for the next one, which a deployment stages
// beside it (boards/pico/board.toml). `deflate` stays: `binascii.crc32` is a part of it.
#define MICROPY_HW_ENABLE_USB_RUNTIME_DEVICE 0
#define MICROPY_PY_BUILTINS_COMPLEX 0
#define MICROPY_PY_CMATH 0
#define MICROPY_PY_FRAMEBUF 0
#define MICROPY_PY_HEAPQ 0
#define MICROPY_PY_MATH 0
#define MICROPY_PY_RE 0
