# Without boards/sdkconfig.ble: Bluetooth reserves 56 kB of memory whether it is used or not, and no link asks for it.
# Read last, this fragment puts the partition table of the meter in place of the port's; the path has to be absolute.
set(PARTITIONS_FRAGMENT ${CMAKE_BINARY_DIR}/sdkconfig.partitions)
file(WRITE ${PARTITIONS_FRAGMENT}
    "CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y\n"
    "CONFIG_PARTITION_TABLE_CUSTOM=y\n"
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${MICROPY_BOARD_DIR}/../partitions.csv\"\n"
)

set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    ${PARTITIONS_FRAGMENT}
)
