"""Three rooms after one another: intake, decide, deliver. The journal is the floor, the clock wakes them."""
