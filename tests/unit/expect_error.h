// EXPECT_ERROR(expression, text): the expression throws linnet::Error and its message contains the text.
#pragma once

#include <gtest/gtest.h>
#include <linnet/core/error.h>

#define EXPECT_ERROR(expression, text)                                                                 \
  try {                                                                                                \
    (void)(expression);                                                                                \
    ADD_FAILURE() << #expression << " did not throw; expected a message with: " << (text);             \
  } catch (const linnet::Error& error) {                                                               \
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << "message: " << error.what(); \
  }                                                                                                    \
  static_assert(true, "a semicolon follows")
