// Flags of additions, subtractions and conditional compares over corner-case operands, by MRS.
        .macro  show name, insn:vararg
        ldp     x20, x21, [x26]
        mov     x22, #0x1234
        // C and V set, so that ADC and SBC see a carry.
        mov     x0, #0x30000000
        msr     nzcv, x0
        \insn
        mrs     x2, nzcv
        csinc   x3, x22, x20, gt
        cset    w4, ls
        mov     x1, x22
        adr     x0, 9f
        bl      printf
        b       8f
9:      .asciz  "\name %016lx %08lx %016lx %d\n"
        .balign 4
8:
        .endm

        .text
        .globl  main
main:   stp     x29, x30, [sp, #-64]!
        stp     x20, x21, [sp, #16]
        stp     x22, x26, [sp, #32]
        str     x27, [sp, #48]
        adrp    x26, pairs
        add     x26, x26, :lo12:pairs
        mov     x27, #(pairs_end - pairs) / 16
again:
        show    adds, adds x22, x20, x21
        show    adds32, adds w22, w20, w21
        show    subs, subs x22, x20, x21, asr #3
        show    subs32, subs w22, w20, w21, uxth
        show    adcs, adcs x22, x20, x21
        show    sbcs, sbcs x22, x20, x21
        show    sbcs32, sbcs w22, w20, w21
        show    ngcs, ngcs x22, x21
        show    ands, ands x22, x20, x21, ror #17
        show    bics, bics w22, w20, w21
        show    ccmp, ccmp x20, x21, #5, cs
        show    ccmn, ccmn w20, w21, #10, vc
        show    tst, tst x20, #0xff00ff00ff00ff00
        show    cmp, cmp x20, #0xfff, lsl #12
        add     x26, x26, #16
        subs    x27, x27, #1
        b.ne    again
        mov     w0, #0
        ldr     x27, [sp, #48]
        ldp     x22, x26, [sp, #32]
        ldp     x20, x21, [sp, #16]
        ldp     x29, x30, [sp], #64
        ret

        .section .rodata
        .balign 8
pairs:  .quad   0, 0, 0, 1, 1, 0, -1, 1, -1, -1
        .quad   0x7fffffffffffffff, 1, 0x8000000000000000, 1, 0x8000000000000000, -1
        .quad   0x7fffffff, 1, 0x80000000, 0x80000000, 0x80000000, 1, 0xffffffff, 0xffffffff
        .quad   0x123456789abcdef0, 0xfedcba9876543210, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa
pairs_end:
        .section .note.GNU-stack, "", %progbits
