// Business rule on incident: tells Ringdown that one of its tickets changed.
//
// Table: incident   When: async   Insert: no   Update: yes   Delete: yes
// Condition: current.correlation_id.toString().indexOf('rd-') == 0
//
// It names the record and nothing more: Ringdown reads the ticket itself, so that nothing in
// this message has to be believed. A message that is lost is made up for by Ringdown's polling.
(function executeRule(current, previous) {
    try {
        var message = new sn_ws.RESTMessageV2('Ringdown callback', 'changed');
        message.setRequestBody(JSON.stringify({ sys_id: current.getUniqueValue() }));
        // The rule runs async already: waiting here keeps no user waiting.
        message.setHttpTimeout(10000);
        var status = message.execute().getStatusCode();
        if (status != 202) {
            gs.warn('Ringdown answered ' + status + ' for ' + current.getDisplayValue());
        }
    } catch (error) {
        gs.warn('Ringdown was not reached for ' + current.getDisplayValue() + ': ' + error.message);
    }
})(current, previous);
