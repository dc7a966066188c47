trigger RingdownCaseChanged on Case (after update, after delete, after undelete) {
    RingdownCallback.afterChange(Trigger.isDelete ? Trigger.old : Trigger.new);
}
