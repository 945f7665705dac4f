// Memory that grows by mapping: holes, granules, what the device refuses.
#include "cuda_allocator_rig.h"

namespace ember::test {
namespace {

TEST(CudaAllocatorRange, GrowsInPlace) {
  Rig rig;
  Block* const a = rig(15 * kMiB);
  EXPECT_EQ(rig.device.used, 20 * kMiB);
  Block* const b = rig(30 * kMiB);  // beside the 5 MiB that are left
  EXPECT_EQ(rig.device.used, 60 * kMiB);
  EXPECT_EQ(b->data, a->data + 15 * kMiB);
  rig.free(b);
  Block* const c = rig(100 * kMiB);
  EXPECT_EQ(c->data, a->data + 15 * kMiB) << "larger, at the same place: nothing is left over";
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  rig.free(a);
  rig.free(c);
  EXPECT_EQ(rig(120 * kMiB)->size, 120 * kMiB);
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  EXPECT_EQ(rig.device.ranges.size(), 1u);
}

TEST(CudaAllocatorRange, HolesAreUnmappedAndFilled) {
  Rig rig(2 * kMiB, 200 * kMiB);
  Block* blocks[5];
  for (Block*& b : blocks) b = rig(40 * kMiB);
  EXPECT_EQ(rig.device.used, 200 * kMiB);
  rig.free(blocks[1]);
  rig.free(blocks[3]);
  rig.free(rig(70 * kMiB, 2));  // another stream takes the memory of both holes
  rig.expect_consistent();
  EXPECT_EQ(rig.device.used, 200 * kMiB);
  // 80 MiB more are not in one piece of addresses, but they are of memory.
  Block* const large = rig(80 * kMiB);
  EXPECT_EQ(large->data, blocks[4]->data + 40 * kMiB);
  rig.expect_consistent();
  rig.free(large);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 120 * kMiB);
  // A hole is filled before new addresses are used.
  EXPECT_EQ(rig(40 * kMiB)->data, blocks[0]->data + 40 * kMiB);
  rig.expect_consistent();
}

TEST(CudaAllocatorRange, PartsOfGranulesStay) {
  Rig rig;
  Block* const a = rig(25 * kMiB);
  Block* const b = rig(50 * kMiB);  // 25 to 75: the granules 40 and 60 are partly its own
  Block* const c = rig(25 * kMiB);
  EXPECT_EQ(rig.device.used, 100 * kMiB);
  rig.free(b);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 80 * kMiB);  // [40, 60)
  rig.expect_consistent();
  Block* const again = rig(50 * kMiB);
  EXPECT_EQ(again->data, a->data + 25 * kMiB);
  EXPECT_EQ(rig.device.used, 100 * kMiB);
  rig.free(a);
  rig.free(c);
  rig.free(again);
  rig.allocator->empty_cache();
  EXPECT_EQ(rig.device.used, 0u);
  rig.expect_consistent();
}

TEST(CudaAllocatorRange, HolesMerge) {
  for (const bool upwards : {false, true}) {
    Rig rig;
    Block* blocks[3];
    for (Block*& b : blocks) b = rig(20 * kMiB);
    char* const base = blocks[0]->data;
    for (const int i : {upwards ? 0 : 1, upwards ? 1 : 0}) {
      rig.free(blocks[i]);
      rig.allocator->empty_cache();
    }
    EXPECT_EQ(rig.device.used, 20 * kMiB);
    EXPECT_EQ(rig(40 * kMiB)->data, base);
    rig.expect_consistent();
  }
}

TEST(CudaAllocatorRange, WithoutAddresses) {
  Rig rig;
  rig.device.address_space = 0;
  rig.free(rig(30 * kMiB));
  EXPECT_EQ(rig.device.allocations.size(), 1u);
  EXPECT_TRUE(rig.device.ranges.empty());
  rig.expect_consistent();
}

// What the device cannot give is given back at once.
TEST(CudaAllocatorRange, RefusedHalfWay) {
  Rig rig(2 * kMiB, 100 * kMiB);
  Block* const a = rig(10 * kMiB);
  EXPECT_THROW(rig(200 * kMiB), OutOfMemoryError);
  EXPECT_EQ(rig.device.used, 20 * kMiB);
  EXPECT_EQ(rig(85 * kMiB, 1)->data, a->data + 10 * kMiB);
  rig.expect_consistent();

  Rig shared(2 * kMiB, 200 * kMiB);
  shared.device.elsewhere = 130 * kMiB;
  Block* const b = shared(10 * kMiB);
  EXPECT_THROW(shared(100 * kMiB), OutOfMemoryError);  // as much as the device has, but others have some of it
  EXPECT_EQ(shared.device.used, 20 * kMiB);
  EXPECT_EQ(shared(40 * kMiB)->data, b->data + 10 * kMiB);
  shared.expect_consistent();
}

}  // namespace
}  // namespace ember::test
