# Without boards/sdkconfig.ble, unless `image/build --bluetooth` asks for it: Bluetooth reserves 56 kB of memory whether it
# is used or not.
# Read last, this fragment puts the partition table of the meter in place of the port's; the path has to be absolute.
set(PARTITIONS_FRAGMENT ${CMAKE_BINARY_DIR}/sdkconfig.partitions)
file(WRITE ${PARTITIONS_FRAGMENT}
    "CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y\n"
    "CONFIG_PARTITION_TABLE_CUSTOM=y\n"
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/../partitions.csv\"\n"
)

set(SDKCONFIG_DEFAULTS boards/sdkconfig.base)

if(WATTPURSE_BLUETOOTH)
    list(APPEND SDKCONFIG_DEFAULTS boards/sdkconfig.ble)
    list(APPEND MICROPY_DEF_BOARD WATTPURSE_BLUETOOTH=1)
endif()

list(APPEND SDKCONFIG_DEFAULTS ${PARTITIONS_FRAGMENT})
