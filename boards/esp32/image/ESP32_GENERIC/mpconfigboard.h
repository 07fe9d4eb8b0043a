#define MICROPY_HW_BOARD_NAME "Wattpurse on ESP32"
#define MICROPY_HW_MCU_NAME "ESP32"

// Without Bluetooth, unless sdkconfig.ble is read: see mpconfigboard.cmake.
#ifndef WATTPURSE_BLUETOOTH
#define MICROPY_PY_BLUETOOTH (0)
#endif
