// Exclusive accesses of all sizes: with and without a monitor, pairs, acquire and release.
        .macro  try name, load, store, clear, old
        adrp    x19, cell
        add     x19, x19, :lo12:cell
        ldr     x0, =0x1122334455667788
        stp     x0, x0, [x19]
        mov     x21, #0
        mov     x22, #0
        mov     w20, #9
        ldr     x23, =0xa1b2c3d4e5f60718
        mov     x24, #77
        \load
        \clear
        \store
        mov     w1, w20
        mov     x2, x21
        ldp     x3, x4, [x19]
        adr     x0, 9f
        bl      printf
        b       8f
9:      .asciz  "\name %d %016lx %016lx %016lx\n"
        .balign 4
8:
        .endm

        .text
        .globl  main
main:   stp     x29, x30, [sp, #-64]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        try     b, "ldxrb w21, [x19]", "stxrb w20, w23, [x19]", "nop"
        try     h, "ldaxrh w21, [x19]", "stlxrh w20, w23, [x19]", "nop"
        try     w, "ldxr w21, [x19]", "stxr w20, w23, [x19]", "nop"
        try     x, "ldaxr x21, [x19]", "stlxr w20, x23, [x19]", "nop"
        try     wp, "ldxp w21, w22, [x19]", "stxp w20, w23, w24, [x19]", "nop"
        try     xp, "ldaxp x21, x22, [x19]", "stlxp w20, x23, x24, [x19]", "nop"
        try     cleared, "ldxr x21, [x19]", "stxr w20, x23, [x19]", "clrex"
        try     never, "nop", "stxr w20, x23, [x19]", "clrex"
        // The second store finds the monitor gone.
        try     twice, "ldxr x21, [x19]", "stxr w20, x24, [x19]", "stxr w20, x23, [x19]"
        mov     w0, #0
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #64
        ret
        .ltorg
        .bss
        .balign 16
cell:   .skip   16
        .section .note.GNU-stack, "", %progbits
