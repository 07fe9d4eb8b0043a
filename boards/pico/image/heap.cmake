# The heap ends at HEAP_END, if that is set: the port's name of its end becomes another one, which the linker defines.
if(HEAP_END)
    add_compile_definitions(__GcHeapEnd=heap_end)
    add_link_options(LINKER:--defsym=heap_end=${HEAP_END})
endif()
# Timers of the C library's pool: the port itself uses one for sleep, and one for each `machine.Timer`.
add_compile_definitions(PICO_TIME_DEFAULT_ALARM_POOL_MAX_TIMERS=6)
# A collection of garbage holds up all tasks, so it is compiled for speed, as the port does with the interpreter's loop.
set_source_files_properties(${MICROPY_DIR}/py/gc.c PROPERTIES COMPILE_OPTIONS "-O2")
