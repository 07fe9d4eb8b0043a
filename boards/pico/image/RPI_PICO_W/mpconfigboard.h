#define MICROPY_HW_BOARD_NAME "Wattpurse on Raspberry Pi Pico W"

#include "../storage.h"
#include "../lean.h"

// Wi-Fi and Bluetooth: the CYW43439 on its own SPI bus, driven by a PIO.
#define MICROPY_PY_NETWORK 1
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "wattpurse"
#define CYW43_USE_SPI (1)
#define CYW43_LWIP (1)
#define CYW43_GPIO (1)
#define CYW43_SPI_PIO (1)
#define MICROPY_HW_PIN_EXT_COUNT CYW43_WL_GPIO_COUNT

// The pins of the radio keep their interrupts through a soft reset.
int mp_hal_is_pin_reserved(int n);
#define MICROPY_HW_PIN_RESERVED(i) mp_hal_is_pin_reserved(i)
