// The image with `--network` (see build): PPP through a modem on a UART.
#if WATTPURSE_NETWORK
#define MICROPY_PY_NETWORK 1
#define MICROPY_PY_NETWORK_PPP_LWIP 1
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "wattpurse"
#define MICROPY_PY_WEBSOCKET 0
#define MICROPY_PY_WEBREPL 0
#endif
