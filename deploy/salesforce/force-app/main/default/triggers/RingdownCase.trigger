/** Tells Ringdown which of its Cases people changed. A merge deletes the Cases merged away. */
trigger RingdownCase on Case (after update, after delete, after undelete) {
    RingdownCallback.tell(Trigger.isDelete ? Trigger.old : Trigger.new);
}
