#define MICROPY_HW_BOARD_NAME "Wattpurse on Raspberry Pi Pico"

#include "../storage.h"
#include "../lean.h"
#include "../network.h"
