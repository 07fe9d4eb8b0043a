#define MICROPY_HW_BOARD_NAME "Wattpurse on ESP32"
#define MICROPY_HW_MCU_NAME "ESP32"

// Without Bluetooth, for which sdkconfig.ble would have to be read: see mpconfigboard.cmake.
#define MICROPY_PY_BLUETOOTH (0)
