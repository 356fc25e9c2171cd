/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes, error codes and memory types in the manuals' words. */
#ifndef CONTRAST_WORDS_H
#define CONTRAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ESR_EL1: exception class, fault, access. */
void esr_words(uint64_t esr, char *buf, size_t size);
bool esr_is_alignment(uint64_t esr);
bool esr_is_pc_alignment(uint64_t esr);
bool esr_is_access_flag(uint64_t esr);
/* x86's exception and its error code. */
void vector_words(unsigned vector, uint32_t error, char *buf, size_t size);
/* A byte of MAIR_EL1; a type of IA32_PAT. */
const char *mair_words(uint8_t attr);
const char *pat_words(uint8_t type);

#endif
