#include "sandbox/base/float_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace airlock {
namespace {

TEST(FloatText, IsShortest) {
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(1.0), "1.0");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(FloatText(1e15), "1000000000000000.0");
  EXPECT_EQ(FloatText(0.0001), "0.0001");
  EXPECT_EQ(FloatText(0.00001), "1e-05");
  EXPECT_EQ(FloatText(1e300), "1e+300");
}

TEST(FloatText, ChangesItsFormWherePythonDoes) {
  EXPECT_EQ(FloatText(std::nextafter(1e16, 0)), "9999999999999998.0");
  EXPECT_EQ(FloatText(std::nextafter(1e-4, 1)), "0.00010000000000000002");
  EXPECT_EQ(FloatText(std::nextafter(1e-4, 0)), "9.999999999999999e-05");
  EXPECT_EQ(FloatText(-1e16), "-1e+16");
}

TEST(FloatText, HasRoomForTheLongest) {
  EXPECT_EQ(FloatText(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
  EXPECT_EQ(FloatText(-std::numeric_limits<double>::min()), "-2.2250738585072014e-308");
  EXPECT_EQ(FloatText(-0.00012345678901234567), "-0.00012345678901234567");
}

TEST(FloatText, NamesWhatIsNoNumber) {
  EXPECT_EQ(FloatText(std::nan("")), "nan");
  EXPECT_EQ(FloatText(-std::nan("")), "nan");
  EXPECT_EQ(FloatText(INFINITY), "inf");
  EXPECT_EQ(FloatText(-INFINITY), "-inf");
}

}  // namespace
}  // namespace airlock
