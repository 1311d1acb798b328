// Every way to branch: tables, calls that do not return where they came from, tests of bits.
        .macro  say text
        adr     x0, 9f
        bl      puts
        b       8f
9:      .asciz  "\text"
        .balign 4
8:
        .endm

        .text
        .globl  main
main:   stp     x29, x30, [sp, #-48]!
        stp     x19, x20, [sp, #16]
        str     x21, [sp, #32]

        // A computed jump through a table of distances, 1000 times round.
        mov     x19, #1000
        mov     x20, #0
table:  adr     x1, distances
        and     x2, x19, #3
        ldrsw   x3, [x1, x2, lsl #2]
        add     x1, x1, x3
        br      x1
c0:     add     x20, x20, #1
        b       next
c1:     eor     x20, x20, x19, lsl #7
        b       next
c2:     ror     x20, x20, #5
        b       next
c3:     sub     x20, x20, x19
next:   subs    x19, x19, #1
        b.ne    table
        adr     x0, number
        mov     x1, x20
        bl      printf

        // A call whose callee returns further on, and one through another register.
        bl      skips
        say     "not reached"
        say     "skipped"
        adr     x10, other
        blr     x10
        say     "back by x9"
        mov     x19, #5
        bl      recursive
        adr     x0, number
        mov     x1, x20
        bl      printf

        // A tail call through x17 and back.
        adr     x17, tail
        adr     x30, 1f
        br      x17
1:      say     "tail came back"

        // Bits and zero.
        mov     x19, #64
        mov     x20, #0
        movz    x21, #0xa5a5
        movk    x21, #0x1357, lsl #32
bits:   tbz     x21, #0, 2f
        add     x20, x20, x19
2:      tbnz    x21, #37, 3f
        add     x20, x20, #0x100
3:      lsr     x21, x21, #1
        cbnz    w21, 4f
        add     x20, x20, #0x10000
4:      sub     x19, x19, #1
        cbnz    x19, bits
        adr     x0, number
        mov     x1, x20
        bl      printf
        mov     w0, #7
        ldr     x21, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #48
        ret

skips:  add     x30, x30, #(8f - 7f)
7:      b       6f
        nop
        nop
8:
6:      // Over the first message: a branch, its text, a call, a branch.
        adr     x2, after
        ldr     w3, [x2]
        add     x30, x30, x3
        sub     x30, x30, #(8b - 7b)
        ret
other:  mov     x9, x30
        mov     x30, #0
        ret     x9
tail:   mov     x20, #99
        ret
recursive:
        stp     x29, x30, [sp, #-16]!
        add     x20, x20, x19
        sub     x19, x19, #1
        cbz     x19, 5f
        bl      recursive
5:      add     x20, x20, #1
        ldp     x29, x30, [sp], #16
        ret

        .balign 4
        // Length of what "say" makes of "not reached".
after:  .word   4 + 4 + 4 + 12
distances:
        .word   c0 - distances, c1 - distances, c2 - distances, c3 - distances
number: .asciz  "%016lx\n"
        .section .note.GNU-stack, "", %progbits
