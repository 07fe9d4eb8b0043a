# The heap ends at HEAP_END, if that is set: the port's name of its end becomes another one, which the linker defines.
if(HEAP_END)
    add_compile_definitions(__GcHeapEnd=heap_end)
    add_link_options(LINKER:--defsym=heap_end=${HEAP_END})
endif()
