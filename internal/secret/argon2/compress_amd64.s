//go:build !purego

#include "textflag.h"

// Byte orders that turn each 64-bit word right by 24 and by 16 bits.
DATA turn24<>+0(SB)/8, $0x0201000706050403
DATA turn24<>+8(SB)/8, $0x0a09080f0e0d0c0b
GLOBL turn24<>(SB), NOPTR|RODATA, $16
DATA turn16<>+0(SB)/8, $0x0100070605040302
DATA turn16<>+8(SB)/8, $0x09080f0e0d0c0b0a
GLOBL turn16<>(SB), NOPTR|RODATA, $16

// x += y + 2 * low(x) * low(y)
#define ADDMUL(x, y) \
	VPMULUDQ y, x, Y8 \
	VPADDQ   y, x, x  \
	VPADDQ   Y8, x, x \
	VPADDQ   Y8, x, x

// mix of compress.go, on four columns at once: Y0 to Y3 are a, b, c, d.
#define MIX \
	ADDMUL(Y0, Y1)          \
	VPXOR   Y0, Y3, Y3      \
	VPSHUFD $0xB1, Y3, Y3   \
	ADDMUL(Y2, Y3)          \
	VPXOR   Y2, Y1, Y1      \
	VPSHUFB Y14, Y1, Y1     \
	ADDMUL(Y0, Y1)          \
	VPXOR   Y0, Y3, Y3      \
	VPSHUFB Y15, Y3, Y3     \
	ADDMUL(Y2, Y3)          \
	VPXOR   Y2, Y1, Y1      \
	VPADDQ  Y1, Y1, Y8      \
	VPSRLQ  $63, Y1, Y1     \
	VPXOR   Y8, Y1, Y1

// permute of compress.go: the columns, then the diagonals, brought into columns and back.
#define PERMUTE \
	MIX                    \
	VPERMQ $0x39, Y1, Y1   \
	VPERMQ $0x4E, Y2, Y2   \
	VPERMQ $0x93, Y3, Y3   \
	MIX                    \
	VPERMQ $0x93, Y1, Y1   \
	VPERMQ $0x4E, Y2, Y2   \
	VPERMQ $0x39, Y3, Y3

// func compressAVX2(out, a, b, scratch *block)
TEXT ·compressAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ scratch+24(FP), BX
	VBROADCASTI128 turn24<>(SB), Y14
	VBROADCASTI128 turn16<>(SB), Y15

	XORQ CX, CX

rows:
	VMOVDQU (SI)(CX*1), Y0
	VMOVDQU 32(SI)(CX*1), Y1
	VMOVDQU 64(SI)(CX*1), Y2
	VMOVDQU 96(SI)(CX*1), Y3
	VPXOR   (DX)(CX*1), Y0, Y0
	VPXOR   32(DX)(CX*1), Y1, Y1
	VPXOR   64(DX)(CX*1), Y2, Y2
	VPXOR   96(DX)(CX*1), Y3, Y3
	PERMUTE
	VMOVDQU Y0, (BX)(CX*1)
	VMOVDQU Y1, 32(BX)(CX*1)
	VMOVDQU Y2, 64(BX)(CX*1)
	VMOVDQU Y3, 96(BX)(CX*1)
	ADDQ    $128, CX
	CMPQ    CX, $1024
	JNE     rows

	XORQ CX, CX

columns:
	VMOVDQU      (BX)(CX*1), X0
	VMOVDQU      256(BX)(CX*1), X1
	VMOVDQU      512(BX)(CX*1), X2
	VMOVDQU      768(BX)(CX*1), X3
	VINSERTI128  $1, 128(BX)(CX*1), Y0, Y0
	VINSERTI128  $1, 384(BX)(CX*1), Y1, Y1
	VINSERTI128  $1, 640(BX)(CX*1), Y2, Y2
	VINSERTI128  $1, 896(BX)(CX*1), Y3, Y3
	PERMUTE
	VMOVDQU      X0, (BX)(CX*1)
	VMOVDQU      X1, 256(BX)(CX*1)
	VMOVDQU      X2, 512(BX)(CX*1)
	VMOVDQU      X3, 768(BX)(CX*1)
	VEXTRACTI128 $1, Y0, 128(BX)(CX*1)
	VEXTRACTI128 $1, Y1, 384(BX)(CX*1)
	VEXTRACTI128 $1, Y2, 640(BX)(CX*1)
	VEXTRACTI128 $1, Y3, 896(BX)(CX*1)
	ADDQ         $16, CX
	CMPQ         CX, $128
	JNE          columns

	XORQ CX, CX

result:
	VMOVDQU (BX)(CX*1), Y0
	VPXOR   (SI)(CX*1), Y0, Y0
	VPXOR   (DX)(CX*1), Y0, Y0
	VPXOR   (DI)(CX*1), Y0, Y0
	VMOVDQU Y0, (DI)(CX*1)
	ADDQ    $32, CX
	CMPQ    CX, $1024
	JNE     result

	VZEROUPPER
	RET
