set(PICO_BOARD "pico")
set(PICO_PLATFORM "rp2040")

if(WATTPURSE_NETWORK)
    set(MICROPY_PY_LWIP ON)
    list(APPEND MICROPY_DEF_BOARD WATTPURSE_NETWORK=1)
    include_directories(BEFORE ${MICROPY_BOARD_DIR}/../network)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/../heap.cmake)
